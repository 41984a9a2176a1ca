-- Applications in every state. Applied again, this changes nothing.
INSERT INTO applications (job_id, name, email, note, status, created_at)
SELECT jobs.id, sent.name, sent.email, sent.note, sent.status, now() - sent.hours * interval '1 hour'
FROM (VALUES
    ('backend-engineer-grid-forecasting-lumen-harbor', 'Inês Duarte', 'ines.duarte@mail.example',
     'Eight years of time series in Postgres, four of them at a grid operator.', 'interview', 20),
    ('rust-engineer-buoy-firmware-tidewater-labs', 'Callum Fraser', 'callum.fraser@mail.example',
     'My hobby buoy has been afloat since 2023; logs attached on request.', 'screening', 30),
    ('rust-engineer-buoy-firmware-tidewater-labs', 'Mei Tanaka', 'mei.tanaka@mail.example',
     NULL, 'received', 6),
    ('senior-frontend-engineer-paperkite', 'Priya Raman', 'priya.raman@mail.example',
     'I maintain an accessible rich-text editor that several schools use.', 'offer', 22),
    ('senior-frontend-engineer-paperkite', 'Tomasz Zielinski', 'tomasz.zielinski@mail.example',
     NULL, 'declined', 23),
    ('integration-engineer-fhir-northfield-health', 'Hannah Lindqvist', 'hannah.lindqvist@mail.example',
     'Wrote the HL7 bridge of a regional hospital group.', 'screening', 48),
    ('full-stack-engineer-quillmark', 'Isla Murray', 'isla.murray@mail.example',
     'I grew up in a bookshop and write Node for a living.', 'interview', 40),
    ('controls-engineer-brasswork', 'Jonas Becker', 'jonas.becker@mail.example',
     NULL, 'received', 12),
    ('cpp-engineer-motion-planning-brasswork', 'Amara Nwosu', 'amara.nwosu@mail.example',
     'Motion planning for surgical arms until last spring.', 'screening', 70),
    ('e-commerce-engineer-cedar-and-pine', 'Liam Tremblay', 'liam.tremblay@mail.example',
     'Cut a check-out from nine seconds to two; happy to show how.', 'received', 50),
    ('senior-go-engineer-ledger-oasis-pay', 'Wanjiru Kamau', 'wanjiru.kamau@mail.example',
     'Ledger work at two banks; I like invariants.', 'interview', 18),
    ('senior-go-engineer-ledger-oasis-pay', 'Daniel Otieno', 'daniel.otieno@mail.example',
     NULL, 'received', 3),
    ('dsp-engineer-fermata-audio', 'Clara Vogt', 'clara.vogt@mail.example',
     'My plate reverb is open source; ears welcome.', 'screening', 26),
    ('platform-engineer-saltmarsh-logistics', 'Sanne de Vries', 'sanne.devries@mail.example',
     NULL, 'received', 36),
    ('security-engineer-detection-orchard-security', 'Oisín Byrne', 'oisin.byrne@mail.example',
     'I write few alerts and tune them weekly.', 'interview', 15),
    ('developer-advocate-orchard-security', 'Lucía Ferrer', 'lucia.ferrer@mail.example',
     'Forty talks, all of them with a live demo that mostly worked.', 'received', 90)
) AS sent (job, name, email, note, status, hours)
JOIN jobs ON jobs.slug = sent.job
ON CONFLICT (job_id, email) DO NOTHING;
