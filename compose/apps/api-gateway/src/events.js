// What happened: from the outbox to the broker, from the broker to the audit.

/** Notes an event in the transaction `query` of its cause. */
export const note = (query, type, payload) =>
  query('INSERT INTO outbox (type, payload) VALUES ($1, $2)', [type, payload])

/** Records an event that came from the broker; a second delivery changes nothing. */
export const record = (postgres, { id, type, payload, occurredAt }) =>
  postgres.query(
    `INSERT INTO events (id, type, payload, occurred_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO NOTHING`,
    [id, type, payload, occurredAt],
  )

export const recent = (postgres) =>
  postgres.query(
    `SELECT id, type, payload, occurred_at AS "occurredAt", recorded_at AS "recordedAt"
     FROM events ORDER BY recorded_at DESC, id LIMIT 100`,
  )

/** Publishes all that the outbox holds, oldest first; several processes may do so at once. */
export async function relay(postgres, broker) {
  while (broker.isReady) {
    const sent = await postgres.transaction(async (query) => {
      const due = await query(
        `SELECT id, type, payload, occurred_at AS "occurredAt"
         FROM outbox ORDER BY occurred_at LIMIT 50 FOR UPDATE SKIP LOCKED`,
      )
      await Promise.all(due.map((event) => broker.publish(event)))
      await query('DELETE FROM outbox WHERE id = ANY($1)', [due.map(({ id }) => id)])
      return due.length
    })
    if (sent === 0) return
  }
}
