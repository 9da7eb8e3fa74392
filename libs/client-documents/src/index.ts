export * from './client-documents.ts';
export * from './client-keys.ts';
export * from './remote-document.ts';
export * from './remote-documents.ts';
