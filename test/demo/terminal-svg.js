const COLORS = {
  30: '#6e7681',
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
  90: '#8b949e',
};
const TEXT = '#e6edf3';
const WIDTH = 8.4;
const HEIGHT = 19;
const MARGIN = 16;

/**
 * What a terminal printed, with its colours, as a picture. Only for output that runs from top to bottom.
 * @param {string} output with SGR escape sequences and no other ones
 * @param {number} columns
 * @param {string} title for who cannot see it
 */
export function terminalSvg(output, columns, title) {
  const lines = output.replaceAll('\r\n', '\n').trimEnd().split('\n');
  const width = Math.ceil(columns * WIDTH + 2 * MARGIN);
  const height = lines.length * HEIGHT + 2 * MARGIN;
  const style = { color: TEXT, bold: false, dim: false };
  const texts = lines.map(
    (line, row) =>
      `  <text x="${MARGIN}" y="${MARGIN + HEIGHT * (row + 0.75)}" xml:space="preserve">${spans(line, style)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"
  font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="${TEXT}">
  <title>${escapeXml(title)}</title>
  <rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${texts.join('\n')}
</svg>
`;
}

/** Each piece at the column where it is in the terminal, whatever font it is drawn with. */
function spans(line, style) {
  let column = 0;
  let text = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  for (const [, codes, piece] of line.matchAll(/\u001b\[([0-9;]*)m|([^\u001b]+)/g)) {
    if (piece === undefined) {
      for (const code of codes.split(';')) change(style, Number(code));
      continue;
    }
    const { color, bold, dim } = style;
    const look = `${color === TEXT ? '' : ` fill="${color}"`}${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}`;
    text += `<tspan x="${(MARGIN + column * WIDTH).toFixed(1)}"${look}>${escapeXml(piece)}</tspan>`;
    column += [...piece].length;
  }
  return text;
}

function change(style, code) {
  if (code === 0) Object.assign(style, { color: TEXT, bold: false, dim: false });
  else if (code === 1) style.bold = true;
  else if (code === 2) style.dim = true;
  else if (code === 22) Object.assign(style, { bold: false, dim: false });
  else if (code === 39) style.color = TEXT;
  else if (COLORS[code]) style.color = COLORS[code];
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
