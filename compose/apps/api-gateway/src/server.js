// Listens first and connects meanwhile: a store that is away delays readiness, never the start.
import { createServer } from 'node:http'
import { openBroker } from './broker.js'
import { openCache } from './cache.js'
import { record, relay } from './events.js'
import { openPostgres } from './postgres.js'
import { describe } from './problem.js'
import { routes } from './routes.js'

const { DATABASE_URL, REDIS_URL, AMQP_URL, PORT = '4000' } = process.env
const missing = Object.entries({ DATABASE_URL, REDIS_URL, AMQP_URL })
  .filter(([, value]) => !value)
  .map(([name]) => name)
if (missing.length > 0) {
  console.error(`not set: ${missing.join(', ')}`)
  process.exit(1)
}

const postgres = openPostgres(DATABASE_URL)
const cache = openCache(REDIS_URL)
const broker = await openBroker(AMQP_URL, {
  consume: (event) => record(postgres, event),
  connected: () => relay(postgres, broker).catch((error) => console.warn(`outbox: ${describe(error).message}`)),
})

const server = createServer(routes({ postgres, cache, broker }))
server.listen(Number(PORT), '0.0.0.0', () => {
  console.log(`listening on ${PORT} after ${Math.round(performance.now())} ms`)
})

const IN_FLIGHT_MS = 2_000
let isStopping = false

function stop(signal) {
  if (isStopping) process.exit(0)
  isStopping = true
  console.log(`${signal}: stopping`)
  // Idle connections close at once, so this waits only for requests being answered.
  server.close(async () => {
    await Promise.allSettled([postgres.close(), cache.close(), broker.close()])
    process.exit(0)
  })
  setTimeout(() => process.exit(0), IN_FLIGHT_MS).unref()
}

process.on('SIGTERM', stop)
process.on('SIGINT', stop)
