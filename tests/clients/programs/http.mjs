// Sends the requests that come as JSON on its input by Node's `http`, with nothing added.
import http from "node:http";
import fs from "node:fs";

// Like other clients of its kind, `http` follows no redirect: that is its caller's.
function send({ method, url, headers, body }) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => {
        if (answer.statusCode === 302) {
          resolve(send({ method, url: new URL(answer.headers.location, url).href, headers, body }));
          return;
        }
        const type = answer.headers["content-type"] || "";
        resolve({ status: answer.statusCode, type, body: Buffer.concat(parts).toString("base64") });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

const answers = [];
for (const wanted of JSON.parse(fs.readFileSync(0, "utf8"))) answers.push(await send(wanted));
process.stdout.write(JSON.stringify(answers));
