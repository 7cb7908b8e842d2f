export const packageChecks = () => [];
