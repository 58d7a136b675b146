// Calls methods of the SDK for Node as it is told to: one JSON array a line, [METHOD, ARGUMENT…], answered by {"ok": …} or {"error": "…"}.
// usage: node driver.js PACKAGE URL KEY SECRET
const readline = require('readline');

const [name, url, key, secret] = process.argv.slice(2);
const OpenTok = require(name);
const opentok = new OpenTok(key, secret, url);

// These answer at once, the others call back.
const AT_ONCE = ['generateToken'];

function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [method, ...rest] = JSON.parse(line);
  try {
    if (AT_ONCE.includes(method)) {
      say({ ok: opentok[method](...rest) });
    } else {
      opentok[method](...rest, (error, result) => {
        // What a session remembers beside its id is the client itself.
        const ok = method === 'createSession' && result ? result.sessionId : result;
        say(error ? { error: String(error.message || error) } : { ok: ok === undefined ? null : ok });
      });
    }
  } catch (error) {
    say({ error: String(error.message) });
  }
});
