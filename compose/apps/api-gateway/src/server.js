// Listens first, loads and connects meanwhile: a store that is away delays readiness, never the start.
import { createServer } from 'node:http'

const { DATABASE_URL, REDIS_URL, AMQP_URL, PORT = '4000' } = process.env
const missing = Object.entries({ DATABASE_URL, REDIS_URL, AMQP_URL })
  .filter(([, value]) => !value)
  .map(([name]) => name)
if (missing.length > 0) {
  console.error(`not set: ${missing.join(', ')}`)
  process.exit(1)
}

// Until the routes are loaded: alive, and not ready.
let answer = (request, response) => {
  const isHealth = request.url === '/health'
  response.writeHead(isHealth ? 200 : 503, { 'content-type': 'application/json' })
  response.end(JSON.stringify(isHealth ? { status: 'ok' } : { error: { status: 503, message: 'starting' } }))
}
let stores = []

const server = createServer((request, response) => answer(request, response))
server.listen(Number(PORT), '0.0.0.0', () => {
  console.log(`listening on ${PORT} after ${Math.round(performance.now())} ms`)
  load()
})

// The client libraries take longer to load than all else: redis' alone half a second of a busy machine.
async function load() {
  const [{ openBroker }, { openCache }, { record, relay }, { openPostgres }, { describe }, { routes }] = await Promise.all([
    import('./broker.js'),
    import('./cache.js'),
    import('./events.js'),
    import('./postgres.js'),
    import('./problem.js'),
    import('./routes.js'),
  ])
  const postgres = openPostgres(DATABASE_URL)
  const cache = openCache(REDIS_URL)
  const broker = await openBroker(AMQP_URL, {
    consume: (event) => record(postgres, event),
    connected: () => relay(postgres, broker).catch((error) => console.warn(`outbox: ${describe(error).message}`)),
  })
  stores = [postgres, cache, broker]
  answer = routes({ postgres, cache, broker })
  console.log(`serving after ${Math.round(performance.now())} ms`)
}

const IN_FLIGHT_MS = 2_000
let isStopping = false

function stop(signal) {
  if (isStopping) process.exit(0)
  isStopping = true
  console.log(`${signal}: stopping`)
  // Idle connections close at once, so this waits only for requests being answered.
  server.close(async () => {
    await Promise.allSettled(stores.map(async (store) => store.close()))
    process.exit(0)
  })
  setTimeout(() => process.exit(0), IN_FLIGHT_MS).unref()
}

process.on('SIGTERM', stop)
process.on('SIGINT', stop)
