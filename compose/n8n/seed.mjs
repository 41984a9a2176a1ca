// Brings the workflows of seeds/n8n into the running n8n and publishes those that say `"active": true`.
// Runs inside n8n's container and speaks the editor's own API: n8n's command line would need a restart to publish.
// Running it again brings changed files up to date and changes nothing else.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const server = 'http://127.0.0.1:5678';
const directory = process.argv[2] ?? '/seeds';
const owner = {
  email: process.env.N8N_OWNER_EMAIL,
  password: process.env.N8N_OWNER_PASSWORD,
};
let cookie = '';

class Refused extends Error {
  constructor(method, path, status, message) {
    super(`${method} ${path}: ${status} ${message}`);
    this.status = status;
  }
}

async function ask(method, path, body) {
  const response = await fetch(server + path, {
    method,
    headers: { 'content-type': 'application/json', cookie },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Refused(method, path, response.status, text.slice(0, 300));
  const set = response.headers.getSetCookie();
  if (set.length > 0) cookie = set.map((line) => line.split(';')[0]).join('; ');
  return JSON.parse(text).data;
}

async function logIn() {
  const { userManagement } = await ask('GET', '/rest/settings');
  if (userManagement.showSetupOnFirstLoad) {
    await ask('POST', '/rest/owner/setup', { ...owner, firstName: 'Jobsprint', lastName: 'Developer' });
    return;
  }
  try {
    await ask('POST', '/rest/login', { emailOrLdapLoginId: owner.email, password: owner.password });
  } catch (error) {
    if (error.status !== 401) throw error;
    throw new Error(`n8n's owner isn't \`${owner.email}\` with the password of \`N8N_OWNER_PASSWORD\`; put your login into .env`);
  }
}

async function existing(id) {
  try {
    return await ask('GET', `/rest/workflows/${id}`);
  } catch (error) {
    if (error.status === 404 || error.status === 403) return undefined;
    throw error;
  }
}

async function bring({ active, ...workflow }) {
  const path = `/rest/workflows/${workflow.id}`;
  const before = await existing(workflow.id);
  const saved = before
    ? await ask('PATCH', path, { ...workflow, versionId: before.versionId })
    : await ask('POST', '/rest/workflows', workflow);
  if (active) {
    await ask('POST', `${path}/activate`, { versionId: saved.versionId });
    await untilWebhooksAnswer(workflow);
  }
}

// n8n registers webhooks a moment after it published them. Asking by OPTIONS runs nothing.
async function untilWebhooksAnswer(workflow) {
  const hooks = workflow.nodes.filter((node) => node.type === 'n8n-nodes-base.webhook');
  for (const { parameters } of hooks) {
    const method = parameters.httpMethod ?? 'GET';
    const deadline = Date.now() + 30_000;
    while (!(await allowedMethods(parameters.path)).includes(method)) {
      if (Date.now() > deadline) throw new Error(`n8n published \`${workflow.name}\` but doesn't answer its webhook`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function allowedMethods(path) {
  const response = await fetch(`${server}/webhook/${path}`, {
    method: 'OPTIONS',
    headers: { origin: server, 'access-control-request-method': 'POST' },
  });
  return response.headers.get('access-control-allow-methods') ?? '';
}

async function seed() {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.json')).sort();
  await logIn();
  for (const file of files) {
    const workflow = JSON.parse(await readFile(join(directory, file), 'utf8'));
    await bring(workflow);
    console.log(`${file}: ${workflow.name}${workflow.active ? ', published' : ''}`);
  }
}

seed().catch((error) => {
  console.error(`error: ${error.message}`);
  process.exit(1);
});
