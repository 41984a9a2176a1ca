-- n8n keeps its tables in a database of its own, so that resetting the product's never touches them.
CREATE DATABASE n8n;
