// A callback target as the manual of Node's `http` has it: answers 0, and writes what came on its output, line by line.
import http from "node:http";

const server = http.createServer((request, answer) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    process.stdout.write(`${JSON.stringify({ type: request.headers["content-type"], body: JSON.parse(body) })}\n`);
    answer.end("0");
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1");
