// The cache: a help, never a need. While redis is away every look-up is a miss.
import { createClient } from '@redis/client'

export function openCache(url) {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 2_000,
      reconnectStrategy: (attempt) => Math.min(100 * 2 ** attempt, 2_000),
    },
  })
  let complaint
  client.on('error', (error) => {
    const text = error.message || error.code || String(error)
    if (text !== complaint) console.warn(`redis: ${text}`)
    complaint = text
  })
  client.on('ready', () => { complaint = undefined })
  client.connect().catch(() => {})

  const helpful = async (work) => {
    if (!client.isReady) return undefined
    try {
      return await work()
    } catch {
      return undefined
    }
  }

  return {
    async get(key) {
      const text = await helpful(() => client.get(key))
      return text && JSON.parse(text)
    },
    put: (key, value, seconds) =>
      helpful(() => client.set(key, JSON.stringify(value), { expiration: { type: 'EX', value: seconds } })),
    drop: (...keys) => helpful(() => client.del(keys)),
    async check() {
      if (!client.isReady) throw new Error(complaint ?? 'not connected yet')
      await client.ping()
    },
    close: () => client.destroy(),
  }
}
