/** The build puts the text of the file into the program. */
declare module '*.md' {
  const text: string;
  export default text;
}
