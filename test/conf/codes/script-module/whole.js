export default { hello: (r) => r.return(200) };
