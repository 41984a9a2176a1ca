import assert from 'node:assert/strict'
import test from 'node:test'
import { parse } from '../src/applications.js'
import { describe } from '../src/problem.js'

test('an application is trimmed and its address lowered', () => {
  assert.deepEqual(
    parse({ jobId: 7, name: ' Ada Obi ', email: 'Ada@Example.com' }),
    { jobId: 7, name: 'Ada Obi', email: 'ada@example.com', note: null },
  )
})

test('every fault of an application is named at once', () => {
  assert.throws(() => parse({ jobId: '7', name: '', email: 'ada', note: 3 }), {
    status: 400,
    message: '`jobId` must be the number of a job; `name` must be 1 to 200 characters; '
      + '`email` must be an address; `note` must be at most 5000 characters',
  })
})

test('no body at all is a fault, not a crash', () => {
  assert.throws(() => parse(undefined), { status: 400 })
})

test('a second application to the same job is a conflict', () => {
  assert.equal(describe(Object.assign(new Error('duplicate key'), { code: '23505' })).status, 409)
})

test('an unforeseen error tells the caller nothing of the inside', () => {
  assert.deepEqual(describe(new Error('password is hunter2')), { status: 500, message: 'internal error' })
})
