function hello(r) {
  r.return(200, 'a' 'b');
}
export default { hello };
