/** A stretch of a message: plain, or an address to follow. */
export interface TextPart {
  text: string;
  isLink: boolean;
}

/** Ends before punctuation that closes the sentence rather than the address. */
const address = /(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]}'，。、；：！？）】」』])/u;

/** Only http and https become links, so that nothing a stranger sends can run. */
export function textParts(text: string): TextPart[] {
  return text
    .split(address)
    .map((part, index) => ({ text: part, isLink: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}
