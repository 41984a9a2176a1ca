// The HTTP surface: paths to verbs, errors to JSON.
import express from 'express'
import * as applications from './applications.js'
import * as events from './events.js'
import * as jobs from './jobs.js'
import { describe, Problem } from './problem.js'

const CHECK_MS = 2_000

export function routes(stores) {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.json({ limit: '64kb' }))

  app.get('/health', (_request, response) => {
    response.json({ status: 'ok', uptime: Math.round(process.uptime()) })
  })

  app.get('/ready', async (_request, response) => {
    const checks = Object.fromEntries(await Promise.all(
      Object.entries({ postgres: stores.postgres, redis: stores.cache, rabbitmq: stores.broker })
        .map(async ([name, store]) => [name, await checked(store)]),
    ))
    const isReady = Object.values(checks).every(({ status }) => status === 'ok')
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ok' : 'unavailable', checks })
  })

  app.get('/api/jobs', async (_request, response) => {
    const { jobs: found, from } = await jobs.list(stores)
    response.set('x-jobs-from', from).json({ jobs: found })
  })
  app.get('/api/jobs/:id', async (request, response) => {
    response.json({ job: await jobs.find(stores, request.params.id) })
  })

  app.get('/api/applications', async (_request, response) => {
    response.json({ applications: await applications.list(stores) })
  })
  app.post('/api/applications', async (request, response) => {
    const application = await applications.submit(stores, applications.parse(request.body))
    response.status(201).json({ application })
    // Answered already: a broker that is away finds the event in the outbox when it is back.
    events.relay(stores.postgres, stores.broker).catch((error) => console.warn(`outbox: ${error.message}`))
  })

  app.get('/api/events', async (_request, response) => {
    response.json({ events: await events.recent(stores.postgres) })
  })

  app.use((request) => {
    throw new Problem(404, `nothing answers ${request.method} ${request.path}`)
  })
  // Express knows an error handler by its four parameters.
  app.use((error, request, response, _next) => {
    const { status, message } = describe(error)
    if (status === 500) console.error(`${request.method} ${request.path}: ${error.stack}`)
    if (response.headersSent) return response.destroy()
    response.status(status).json({ error: { status, message } })
  })
  return app
}

async function checked(store) {
  const since = performance.now()
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(reject, CHECK_MS, new Error(`no answer in ${CHECK_MS} ms`))
  })
  try {
    await Promise.race([store.check(), late])
    return { status: 'ok', ms: Math.round(performance.now() - since) }
  } catch (error) {
    return { status: 'unavailable', reason: error.message || error.code || 'unknown' }
  } finally {
    clearTimeout(timer)
  }
}
