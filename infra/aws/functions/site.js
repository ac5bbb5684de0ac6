// Viewer request to everything else: the console's one page for each of its paths, its parts and the players as files.
const FILES = /^\/(?:console\/app\/assets\/[A-Za-z0-9._-]+|console\/app\/icon\.svg|favicon\.ico|(?:players|tools)\/[A-Za-z0-9._\/-]+)$/;
const OTHER_NAMES = __OTHER_NAMES__;

function moved(to) {
  return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: to }, 'cache-control': { value: 'no-cache' } } };
}

function handler(event) {
  const request = event.request, uri = request.uri;
  if (uri === '/' || uri === '/mgmt' || uri.startsWith('/mgmt/')) return moved('/console/live');
  if (OTHER_NAMES[uri]) request.uri = OTHER_NAMES[uri];
  else if (FILES.test(uri) && uri.indexOf('..') < 0) return request;
  else if (uri === '/console' || uri.startsWith('/console/')) request.uri = '/console/app/index.html';
  else return { statusCode: 404, statusDescription: 'Not Found', headers: { 'cache-control': { value: 'no-store' } } };
  return request;
}
