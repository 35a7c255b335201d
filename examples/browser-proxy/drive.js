// Opens the page in Chromium, clicks its button, waits until its spans are posted, and prints all that the browser has
// received, as JSON: `node drive.js http://127.0.0.1:8080/ /usr/bin/chromium`. `cargo xtask e2e` runs it.
import { chromium } from 'playwright-core'

const LIMIT = 60_000

const [url, executablePath] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath,
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})
const page = await browser.newPage()
page.setDefaultTimeout(LIMIT)

const received = []
let posted = ''
page.on('response', (response) => received.push(describe(response)))
page.on('console', (message) => console.error(`console: ${message.text()}`))
page.on('pageerror', (error) => console.error(`error: ${error}`))

await page.goto(url)

// The instrumentation of `fetch` is loaded after the page: a click that comes too early has no trace.
await until('a fetch with a traceparent', async () => {
  const [request] = await Promise.all([
    page.waitForRequest('**/api/greeting'),
    page.getByRole('button', { name: 'Greet' }).click(),
  ])
  return 'traceparent' in (await request.allHeaders())
})
await page.getByText('Hello from the server').waitFor()
await until('posts of both spans', () => posted.includes('"documentLoad"') && posted.includes('"greet"'))

console.log(JSON.stringify(await Promise.all(received), null, 2))
await browser.close()

async function describe(response) {
  const request = response.request()
  if (new URL(request.url()).pathname.startsWith('/logfire-proxy/') && response.ok()) {
    posted += request.postData()
  }
  return {
    url: request.url(),
    status: response.status(),
    headers: await response.allHeaders(),
    body: await response.text(),
  }
}

async function until(what, isTrue) {
  const deadline = Date.now() + LIMIT
  while (!(await isTrue())) {
    if (Date.now() > deadline) {
      throw new Error(`no ${what}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
