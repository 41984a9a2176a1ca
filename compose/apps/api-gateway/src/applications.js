// Applications: who asked for which job.
import { note } from './events.js'
import { Problem } from './problem.js'

const COLUMNS = 'id, job_id AS "jobId", name, email, note, status, created_at AS "createdAt"'

/** An application as its sender may write it; throws a `Problem` that names every fault. */
export function parse(body) {
  const { jobId, name, email, note: text = null } = body ?? {}
  const faults = []
  if (!Number.isInteger(jobId) || jobId < 1 || jobId > 2_147_483_647) faults.push('`jobId` must be the number of a job')
  if (typeof name !== 'string' || name.trim() === '' || name.length > 200) faults.push('`name` must be 1 to 200 characters')
  if (typeof email !== 'string' || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) faults.push('`email` must be an address')
  if (text !== null && (typeof text !== 'string' || text.length > 5_000)) faults.push('`note` must be at most 5000 characters')
  if (faults.length > 0) throw new Problem(400, faults.join('; '))
  return { jobId, name: name.trim(), email: email.toLowerCase(), note: text }
}

export const list = ({ postgres }) =>
  postgres.query(`SELECT ${COLUMNS} FROM applications ORDER BY created_at DESC, id DESC LIMIT 200`)

/** Stores the application and its event together: neither is there without the other. */
export const submit = ({ postgres }, { jobId, name, email, note: text }) =>
  postgres.transaction(async (query) => {
    const [application] = await query(
      `INSERT INTO applications (job_id, name, email, note) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
      [jobId, name, email, text],
    )
    await note(query, 'application.received', { applicationId: application.id, jobId, email })
    return application
  })
