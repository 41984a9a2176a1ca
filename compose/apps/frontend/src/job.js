// One job: how it looks, and what finds it.

const DAY_MS = 86_400_000
const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** Whether every word typed is somewhere in the job. */
export function matches(job, typed) {
  const text = [job.title, job.company.name, job.company.industry, job.location, job.workplace, job.employment, ...job.tags]
    .join(' ')
    .toLowerCase()
  return typed.toLowerCase().split(/\s+/).every((word) => text.includes(word))
}

export function card(job) {
  const days = Math.floor((Date.now() - new Date(job.postedAt)) / DAY_MS)
  return element('li', { className: 'job' },
    element('div', { className: 'top' },
      element('span', { className: 'company', textContent: job.company.name }),
      element('time', { dateTime: job.postedAt, textContent: ago.format(-days, 'day') })),
    element('h2', { textContent: job.title }),
    element('p', { className: 'facts', textContent: [job.location, job.workplace, job.employment, salary(job)].filter(Boolean).join(' · ') }),
    element('p', { textContent: job.description }),
    element('p', { className: 'tags' }, ...job.tags.map((tag) => element('span', { textContent: tag }))))
}

function salary({ salaryMin, salaryMax, currency }) {
  if (salaryMin === null) return ''
  const money = new Intl.NumberFormat('en', { style: 'currency', currency, notation: 'compact', maximumFractionDigits: 1 })
  return salaryMin === salaryMax ? money.format(salaryMin) : money.formatRange(salaryMin, salaryMax)
}

// Text goes in as text, never as markup.
function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}
