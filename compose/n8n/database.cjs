// Readies n8n's database before n8n starts: makes it where the server has none, and gives the owner the password of
// N8N_OWNER_PASSWORD, since a database that outlived its `.env` keeps the one before.
// Its argument is n8n's own program, whose postgres client and password hash it borrows.
const { createRequire } = require('node:module');
const borrow = createRequire(process.argv[2]);
const { Client } = borrow('pg');

const DUPLICATE_DATABASE = '42P04';
const UNDEFINED_TABLE = '42P01';
const HASH_ROUNDS = 10;
const { DB_POSTGRESDB_HOST: host, DB_POSTGRESDB_USER: user, DB_POSTGRESDB_PASSWORD: password } = process.env;
const port = Number(process.env.DB_POSTGRESDB_PORT ?? 5432);
const name = process.env.DB_POSTGRESDB_DATABASE;

async function connected(database, work) {
  const client = new Client({ host, port, user, password, database });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Tells whether the database was there. */
async function makeDatabase(client) {
  const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (found.rowCount > 0) return true;
  try {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } catch (error) {
    // Another n8n was faster.
    if (error.code !== DUPLICATE_DATABASE) throw error;
  }
  return false;
}

async function ownerWithPassword(client) {
  const { N8N_OWNER_EMAIL: email, N8N_OWNER_PASSWORD: wanted } = process.env;
  if (!email || !wanted) return;
  const bcrypt = borrow('bcryptjs');
  const found = await client.query('SELECT password FROM "user" WHERE email = $1', [email]);
  const kept = found.rows[0]?.password;
  if (!kept || (await bcrypt.compare(wanted, kept))) return;
  const hash = await bcrypt.hash(wanted, HASH_ROUNDS);
  await client.query('UPDATE "user" SET password = $1 WHERE email = $2', [hash, email]);
  console.log(`n8n's owner \`${email}\` was given the password of N8N_OWNER_PASSWORD`);
}

async function ready() {
  const wasThere = await connected('postgres', makeDatabase);
  if (!wasThere) return;
  try {
    await connected(name, ownerWithPassword);
  } catch (error) {
    // n8n has not made its tables yet: there is no owner.
    if (error.code !== UNDEFINED_TABLE) throw error;
  }
}

ready().catch((error) => {
  console.error(`error: cannot ready n8n's database \`${name}\` at \`${host}:${port}\`: ${error.message}`);
  process.exit(1);
});
