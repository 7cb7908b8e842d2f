export const exampleChecks = () => [];
