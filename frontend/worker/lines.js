// Several messages as one: a line each. Between workers, and to the page, a message costs as much as a token of a small model. Knows only that
// a message is JSON, in which no line ends.

/** What is said before the caller looks at its own messages again goes as one. */
export function inLines(post) {
  let said = "";
  return (json) => {
    if (!said) {
      queueMicrotask(() => {
        const all = said;
        said = "";
        post(all);
      });
    }
    said += said ? `\n${json}` : json;
  };
}

/** Each of them. */
export const lines = (text) => text.split("\n");
