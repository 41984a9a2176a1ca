// What a fresh start wants beyond rows: the cache forgets what it knew before them and knows them now.
import { openCache } from './cache.js'
import { CACHE_KEY, list } from './jobs.js'
import { openPostgres } from './postgres.js'

const postgres = openPostgres(process.env.DATABASE_URL)
const cache = openCache(process.env.REDIS_URL)
try {
  const until = performance.now() + 5_000
  while (await cache.check().then(() => false, () => performance.now() < until)) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await cache.drop(CACHE_KEY)
  const { jobs } = await list({ postgres, cache })
  console.log(`cache: ${jobs.length} jobs`)
} catch (error) {
  console.error(`seed: ${error.message || error.code}`)
  process.exitCode = 1
} finally {
  cache.close()
  await postgres.close()
}
