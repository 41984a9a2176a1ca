// The message broker: publishes with confirmation, consumes one queue, and reconnects for ever.
import amqp from 'amqplib'

const EXCHANGE = 'jobsprint.events'
const QUEUE = 'api-gateway.audit'

/** `consume(message)` is called for each message; `connected()` after each (re)connection. */
export async function openBroker(url, { consume, connected }) {
  let channel
  let complaint

  const connection = await amqp.connect(url, {
    timeout: 2_000,
    clientProperties: { connection_name: 'api-gateway' },
    recovery: {
      waitForConnect: false,
      initialDelay: 100,
      maxDelay: 2_000,
      maxRetries: Infinity,
      async setup(fresh) {
        const opened = await fresh.createConfirmChannel()
        opened.on('error', (error) => console.warn(`rabbitmq: ${error.message}`))
        opened.on('close', () => { if (channel === opened) channel = undefined })
        await opened.assertExchange(EXCHANGE, 'topic', { durable: true })
        await opened.assertQueue(QUEUE, { durable: true })
        await opened.bindQueue(QUEUE, EXCHANGE, '#')
        await opened.prefetch(20)
        await opened.consume(QUEUE, (message) => message && receive(opened, message))
        channel = opened
        complaint = undefined
        // Not awaited: what waits for the broker mustn't hold its own connection back.
        connected()
      },
    },
  })
  const complain = (error) => {
    const text = error?.message || error?.code || 'connection closed'
    if (text !== complaint) console.warn(`rabbitmq: ${text}`)
    complaint = text
  }
  connection.on('connect-failed', complain)
  connection.on('disconnect', (error) => { channel = undefined; complain(error) })
  connection.on('error', complain)

  async function receive(from, message) {
    try {
      await consume({
        id: message.properties.messageId,
        type: message.fields.routingKey,
        ...JSON.parse(message.content),
      })
      from.ack(message)
    } catch (error) {
      console.warn(`rabbitmq: message ${message.properties.messageId} not recorded: ${error.message}`)
      // One more try, for a store that was away; a message that fails again is dropped, not looped.
      setTimeout(() => { if (channel === from) from.nack(message, false, !message.fields.redelivered) }, 1_000)
    }
  }

  return {
    get isReady() { return channel !== undefined },
    /** Resolves once the broker has the message on its disk. */
    publish({ id, type, ...body }) {
      if (!channel) return Promise.reject(new Error(complaint ?? 'not connected yet'))
      return new Promise((resolve, reject) => {
        channel.publish(
          EXCHANGE, type, Buffer.from(JSON.stringify(body)),
          { messageId: id, contentType: 'application/json', persistent: true },
          (error) => (error ? reject(error) : resolve()),
        )
      })
    },
    async check() {
      if (!channel) throw new Error(complaint ?? 'not connected yet')
      await channel.checkQueue(QUEUE)
    },
    close: () => connection.close(),
  }
}
