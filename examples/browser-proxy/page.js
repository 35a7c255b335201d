// What runs in the browser. `npm run build` puts it, with what it imports, into `dist`.
import * as logfire from '@pydantic/logfire-browser'

logfire.configure({
  // The server adds the token: the page has none.
  traceUrl: '/logfire-proxy/v1/traces',
  serviceName: 'browser-proxy-page',
  // Spans for the load of the document, which finds its parent in `<meta name="traceparent">`, and for each `fetch`,
  // which sends `traceparent`.
  autoInstrumentations: true,
})

const output = document.querySelector('output')

document.querySelector('button').addEventListener('click', () => {
  logfire.span('greet', {
    callback: async () => {
      const answer = await fetch('/api/greeting')
      output.textContent = await answer.text()
    },
  })
})
