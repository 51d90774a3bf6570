/** Longer reasons than this are folded up behind their first sentence. */
const longest = 90;

/** A reason that may be long. */
export function Why({ text, code }: { readonly text: string; readonly code?: string }) {
  const named = code === undefined ? text : `${text} (${code})`;
  if (named.length <= longest) return <span class="why">{named}</span>;
  const [first = text] = /^.+?\.(?=\s)/.exec(text) ?? [];
  return (
    <details class="why">
      <summary>
        {first.length > longest ? `${first.slice(0, longest)}…` : first}
        {code !== undefined && ` (${code})`}
      </summary>
      {text}
    </details>
  );
}
