// What went wrong, as the caller is told it.

export class Problem extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
const BY_SQLSTATE = {
  23503: [422, 'there is no such job'],
  23505: [409, 'this address has already applied for this job'],
  '42P01': [503, 'the database has no tables yet: run `npm run migrate`'],
}
const AWAY = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', '57P01', '57P03', '3D000', '28P01'])

/** Status and text for any error; what the caller can't help is not told in detail. */
export function describe(error) {
  // Express' own, such as a body that is no JSON.
  if (error instanceof Problem || error.expose) return { status: error.status, message: error.message }
  if (BY_SQLSTATE[error.code]) {
    const [status, message] = BY_SQLSTATE[error.code]
    return { status, message }
  }
  if (AWAY.has(error.code) || /timeout|Connection terminated/.test(error.message)) {
    return { status: 503, message: 'a store is away; see /ready' }
  }
  return { status: 500, message: 'internal error' }
}
