/*
The one place that knows where WebSockets come from: the browser, Node's own (22 and later), or the `ws` package.
*/

export interface Listener {
  open(): void;
  message(text: string): void;
  /** With the server's code, when it gave one. */
  close(code?: number): void;
}

export interface Socket {
  send(text: string): void;
  /** From here on the listener hears nothing any more. */
  close(): void;
}

type Constructor = new (url: string) => WebSocket;

async function implementation(): Promise<Constructor> {
  if (typeof globalThis.WebSocket === 'function') return globalThis.WebSocket;
  // A name in a variable: bundlers for browsers must not look for a package that only Node 20 needs.
  const name = 'ws';
  const module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as { WebSocket: Constructor };
  return module.WebSocket;
}

export function openSocket(url: string, listener: Listener): Socket {
  let inner: WebSocket | null = null;
  let closed = false;

  const start = (WebSocket: Constructor): void => {
    if (closed) return;
    inner = new WebSocket(url);
    inner.onopen = () => listener.open();
    inner.onmessage = ({ data }: MessageEvent<unknown>) => listener.message(String(data));
    inner.onclose = ({ code }) => {
      closed = true;
      listener.close(code);
    };
    // `close` always follows, and says more.
    inner.onerror = () => undefined;
  };
  implementation().then(start).catch((failure: unknown) => {
    if (closed) return;
    closed = true;
    console.error('[lethe] no WebSocket here: on Node before 22, install the package "ws"', failure);
    listener.close();
  });

  return {
    send: (text) => inner?.send(text),
    close: () => {
      closed = true;
      if (!inner) return;
      inner.onopen = inner.onmessage = inner.onclose = null;
      inner.close();
    },
  };
}
