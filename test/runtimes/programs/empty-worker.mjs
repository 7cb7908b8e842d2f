// What a cold start costs without the package.
export default { fetch: () => Response.json(0) };
