// Makes n8n's database where the server has none. Its argument is n8n's own program, whose postgres client it borrows.
const { createRequire } = require('node:module');
const { Client } = createRequire(process.argv[2])('pg');

const DUPLICATE_DATABASE = '42P04';
const { DB_POSTGRESDB_HOST: host, DB_POSTGRESDB_USER: user, DB_POSTGRESDB_PASSWORD: password } = process.env;
const port = Number(process.env.DB_POSTGRESDB_PORT ?? 5432);
const name = process.env.DB_POSTGRESDB_DATABASE;

async function makeDatabase() {
  const client = new Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  try {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    }
  } catch (error) {
    // Another n8n was faster.
    if (error.code !== DUPLICATE_DATABASE) throw error;
  } finally {
    await client.end();
  }
}

makeDatabase().catch((error) => {
  console.error(`error: cannot make n8n's database \`${name}\` at \`${host}:${port}\`: ${error.message}`);
  process.exit(1);
});
