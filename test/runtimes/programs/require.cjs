import('./suite.js').then(async ({ probe, SHORT }) => {
  console.log(
    JSON.stringify(
      await probe(
        () => require('focal-simd'),
        () => require('focal-simd/meter'),
        SHORT,
      ),
    ),
  );
});
