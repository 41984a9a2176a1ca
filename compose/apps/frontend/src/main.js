// The page: asks the API for jobs and shows them, or says why it can't.
import { card, matches } from './job.js'

const list = document.querySelector('#jobs')
const status = document.querySelector('#status')
const search = document.querySelector('#search')
const RETRY_MS = 2_000

let jobs = []

function show() {
  const found = jobs.filter((job) => matches(job, search.value))
  list.replaceChildren(...found.map(card))
  if (jobs.length === 0) say('No jobs yet. Seed the database, and they appear here.')
  else if (found.length === 0) say(`Nothing matches “${search.value}”.`)
  else say(`${found.length} open ${found.length === 1 ? 'job' : 'jobs'}`)
}

function say(text, tone = 'plain') {
  status.textContent = text
  status.dataset.tone = tone
}

async function load() {
  try {
    const response = await fetch('/api/jobs', { headers: { accept: 'application/json' } })
    const body = await response.json().catch(() => ({}))
    if (!response.ok) throw new Error(body.error?.message ?? `the API answered ${response.status}`)
    jobs = body.jobs
    show()
  } catch (error) {
    say(`Can't load jobs: ${error.message}. Trying again…`, 'error')
    setTimeout(load, RETRY_MS)
  }
}

search.addEventListener('input', show)
load()
