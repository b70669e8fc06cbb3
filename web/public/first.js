// Runs before everything else of the page.
try {
  // Before the first paint, so that a chosen theme never flashes the other one.
  const chosen = localStorage.getItem('grange.theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  // What this page asks first, of the farm that was shown last: it comes while its program is
  // still read. Should it be of another farm, the program asks again.
  const farm = sessionStorage.getItem('grange-farm') ?? localStorage.getItem('grange.farm');
  if (farm !== null) {
    const ask = (path) => {
      const link = document.createElement('link');
      Object.assign(link, { rel: 'preload', as: 'fetch', crossOrigin: 'anonymous' });
      link.href = `/api/v1/farms/${encodeURIComponent(farm)}/${path}`;
      document.head.append(link);
    };
    const log = /^\/(jobs\/[^/]+\/tasks\/[^/]+\/log)$/.exec(location.pathname);
    if (log === null) ask('overview');
    else {
      const attempt = Number(new URLSearchParams(location.search).get('attempt'));
      const words = attempt > 0 ? `?attempt=${attempt}` : '';
      ask(`${log[1]}${words}`);
      ask(`${log[1]}/errors${words}`);
    }
  }
} catch {
  // A browser that stores nothing follows the system's theme, and asks a little later.
}
