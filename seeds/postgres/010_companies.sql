-- Companies that hire in the demo. Applied again, this changes nothing.
INSERT INTO companies (slug, name, website, headquarters, industry)
VALUES
    ('lumen-harbor', 'Lumen Harbor', 'https://lumen-harbor.example', 'Lisbon, Portugal', 'Renewable energy'),
    ('tidewater-labs', 'Tidewater Labs', 'https://tidewater-labs.example', 'Halifax, Canada', 'Ocean data'),
    ('paperkite', 'Paperkite', 'https://paperkite.example', 'Melbourne, Australia', 'Education software'),
    ('northfield-health', 'Northfield Health', 'https://northfield-health.example', 'Minneapolis, USA', 'Healthcare'),
    ('quillmark', 'Quillmark', 'https://quillmark.example', 'Edinburgh, United Kingdom', 'Publishing'),
    ('brasswork', 'Brasswork', 'https://brasswork.example', 'Leipzig, Germany', 'Industrial automation'),
    ('cedar-and-pine', 'Cedar & Pine', 'https://cedar-and-pine.example', 'Vancouver, Canada', 'Furniture retail'),
    ('oasis-pay', 'Oasis Pay', 'https://oasis-pay.example', 'Nairobi, Kenya', 'Payments'),
    ('fermata-audio', 'Fermata Audio', 'https://fermata-audio.example', 'Berlin, Germany', 'Music technology'),
    ('saltmarsh-logistics', 'Saltmarsh Logistics', 'https://saltmarsh-logistics.example', 'Rotterdam, Netherlands', 'Logistics'),
    ('kiln-and-co', 'Kiln & Co', 'https://kiln-and-co.example', 'Kyoto, Japan', 'Ceramics'),
    ('orchard-security', 'Orchard Security', 'https://orchard-security.example', 'Dublin, Ireland', 'Security')
ON CONFLICT (slug) DO NOTHING;
