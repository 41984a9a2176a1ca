// Jobs: the list comes through the cache.
import { Problem } from './problem.js'

export const CACHE_KEY = 'jobs:list'
// Short, since seeds and migrations write to the database behind the cache's back.
const CACHE_SECONDS = 5

const SELECT = `
  SELECT jobs.id, jobs.slug, title, location, workplace, employment,
         salary_min AS "salaryMin", salary_max AS "salaryMax", currency, tags, description,
         posted_at AS "postedAt",
         json_build_object('slug', companies.slug, 'name', companies.name, 'website', website,
                           'headquarters', headquarters, 'industry', industry) AS company
  FROM jobs JOIN companies ON companies.id = company_id`

/** All jobs, newest first, and whether the cache had them. */
export async function list({ postgres, cache }) {
  const known = await cache.get(CACHE_KEY)
  if (known) return { jobs: known, from: 'cache' }
  const jobs = await postgres.query(`${SELECT} ORDER BY posted_at DESC, jobs.id DESC LIMIT 200`)
  // An empty list is about to change: the database has just been made.
  if (jobs.length > 0) await cache.put(CACHE_KEY, jobs, CACHE_SECONDS)
  return { jobs, from: 'database' }
}

export async function find({ postgres }, id) {
  const [job] = await postgres.query(`${SELECT} WHERE jobs.id::text = $1 OR jobs.slug = $1`, [id])
  if (!job) throw new Problem(404, `there is no job \`${id}\``)
  return job
}
