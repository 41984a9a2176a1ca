// The database: a pool that connects when first asked.
import pg from 'pg'

export function openPostgres(url) {
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    query_timeout: 10_000,
    application_name: 'api-gateway',
  })
  // An idle connection that the server closed is replaced at the next query.
  pool.on('error', (error) => console.warn(`postgres: ${error.message}`))

  return {
    query: async (text, values) => (await pool.query(text, values)).rows,

    /** Runs `work(query)` in one transaction. */
    async transaction(work) {
      const client = await pool.connect()
      let broken
      try {
        await client.query('BEGIN')
        const result = await work(async (text, values) => (await client.query(text, values)).rows)
        await client.query('COMMIT')
        return result
      } catch (error) {
        await client.query('ROLLBACK').catch((rollback) => { broken = rollback })
        throw error
      } finally {
        client.release(broken)
      }
    },

    check: () => pool.query('SELECT 1'),
    close: () => pool.end(),
  }
}
