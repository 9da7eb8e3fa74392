// Stands in for curl on machines that have none, for the commands of the documents; refuses what they do not use.
import { writeFileSync } from 'node:fs';

const headers = {};
let [url, method, body, output, head] = [];
let after = '';
const rest = process.argv.slice(2);
while (rest.length > 0) {
  const argument = rest.shift();
  if (argument === '-s' || argument === '--fail-with-body') continue;
  else if (argument === '-sw') after = rest.shift().replaceAll('\\n', '\n');
  else if (argument === '-X') method = rest.shift();
  else if (argument === '-d') body = rest.shift();
  else if (argument === '-o') output = rest.shift();
  else if (argument === '-D') head = rest.shift();
  else if (argument === '-H') {
    const [, name, value] = /^([^:]+): *(.*)$/.exec(rest.shift());
    headers[name] = value;
  } else if (/^https?:/.test(argument) && url === undefined) url = argument;
  else throw new Error(`curl.mjs does not know ${argument}`);
}

const response = await fetch(url, { method: method ?? (body === undefined ? 'GET' : 'POST'), headers, body });
const text = await response.text();
if (head !== undefined)
  writeFileSync(head, [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join(''));
if (output === undefined) process.stdout.write(text + after);
else writeFileSync(output, text);
process.exitCode = response.ok ? 0 : 22;
