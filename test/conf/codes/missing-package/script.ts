export default { hello: (r: { return(status: number, body: string): void }): void => r.return(200, 'hello') };
