// Runs the client of http-tests/cache-tests through a forward proxy and writes what came of each test, as JSON:
//
//     node client.mjs SUITE PROXY ORIGIN AUTHORITY RESULTS
//
// SUITE is the checkout, PROXY is HOST:PORT, ORIGIN is the URL of the suite's origin without a path, AUTHORITY is the
// PEM file of the proxy's certificate authority (asked for when ORIGIN is https), RESULTS is the file to be written.
// Where RESULTS is there already, only the tests that did not pass are run again.
//
// Nothing of the suite is in here, it is imported.  It changes its own tests as it runs them: one process is one run.
import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { imported, scoring } from './scoring.mjs'

const [suite, proxy, origin, authorityFile, resultsFile] = process.argv.slice(2)
const { protocol, hostname, host } = new URL(origin)
const [proxyHost, proxyPort] = proxy.split(':')
const AT_ONCE = 50 // Nearly all the time is pauses of 3 s; more at once, and a busy machine answers too late.
const ANSWER_MS = 20_000

const { runTests, getResults } = await imported(suite, 'test-engine/client/runner.mjs')
const { suites, outcomes } = await scoring(suite)

// The suite bounds its tests, but neither its PUT of a test's configuration nor its GET of the origin's state.
const unbounded = globalThis.fetch
globalThis.fetch = (url, init = {}) =>
  unbounded(url, init.signal ? init : { ...init, signal: AbortSignal.timeout(ANSWER_MS) })

const before = fs.existsSync(resultsFile) ? JSON.parse(fs.readFileSync(resultsFile)).raw : {}
const remaining = suites.map(each => ({ ...each, tests: each.tests.filter(test => before[test.id] !== true) }))
const base = `http://127.0.0.1:${await listening(net.createServer(relay))}`
await askedWhetherAnythingPasses()
await runTests(remaining, false, base, AT_ONCE)
const raw = { ...before, ...getResults() }
fs.writeFileSync(resultsFile, JSON.stringify({ raw, outcomes: outcomes(raw) }))
process.exit(0)

function listening (server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

// A proxy that lets nothing through would look like a bad cache.
async function askedWhetherAnythingPasses () {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${base}/config/${crypto.randomUUID()}`, { method: 'PUT', headers, body: '[]' })
  if (answer.status !== 201) throw new Error(`a PUT to the origin was answered ${answer.status}: ${await answer.text()}`)
}

// Makes a client of an origin into one of a forward proxy, which no setting of fetch does for every test: a request's
// target becomes absolute-form (RFC 9112 §3.2.2), or goes into a tunnel of its own; Host names the origin.  All else
// passes as it is, both ways: interim responses, framing, and connections that break.
function relay (client) {
  const upstream = protocol === 'https:' ? new Tunnel() : net.connect(Number(proxyPort), proxyHost)
  const end = () => { client.destroy(); upstream.destroy() }
  client.setNoDelay(true)
  client.on('error', end).on('close', end)
  upstream.on('error', end).on('close', () => client.end(() => client.destroy()))
  upstream.pipe(client)
  let waiting = Buffer.alloc(0)
  let content = 0 // octets of the request's content that are still to come
  client.on('data', octets => {
    waiting = Buffer.concat([waiting, octets])
    for (;;) {
      const part = waiting.subarray(0, content)
      if (part.length) upstream.write(part)
      content -= part.length
      waiting = waiting.subarray(part.length)
      const end = content ? -1 : waiting.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = waiting.subarray(0, end + 4).toString('latin1')
      waiting = waiting.subarray(end + 4)
      content = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0) // The suite's client never sends chunks.
      upstream.write(forProxy(head), 'latin1')
    }
  })
}

function forProxy (head) {
  const named = head.replace(/^host:.*$/im, `Host: ${host}`)
  return protocol === 'https:' ? named : named.replace(' /', ` ${origin}/`)
}

// A socket to the origin through CONNECT and TLS, as far as `relay` uses one: it may be written to at once.
function Tunnel () {
  const raw = net.connect(Number(proxyPort), proxyHost)
  const ca = fs.readFileSync(authorityFile)
  const listeners = { error: [], close: [] }
  const tell = (event, told) => listeners[event].forEach(listener => listener(told))
  let secure = null
  let sink = null
  let unsent = []
  let head = ''
  raw.setNoDelay(true)
  raw.on('error', fault => tell('error', fault)).on('close', () => tell('close'))
  raw.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  raw.on('data', function established (octets) {
    head += octets.toString('latin1')
    if (!head.includes('\r\n\r\n')) return
    raw.off('data', established)
    if (!/^HTTP\/1\.1 200 /.test(head)) return tell('error', new Error(`CONNECT was answered ${head}`))
    secure = tls.connect({ socket: raw, servername: hostname, ca, ALPNProtocols: ['http/1.1'] })
    secure.on('error', fault => tell('error', fault)).on('close', () => tell('close'))
    secure.pipe(sink)
    for (const written of unsent) secure.write(...written)
    unsent = null
  })
  this.on = (event, listener) => { listeners[event].push(listener); return this }
  this.pipe = to => { sink = to }
  this.write = (...written) => { secure ? secure.write(...written) : unsent.push(written) }
  this.destroy = () => { (secure ?? raw).destroy() }
}
