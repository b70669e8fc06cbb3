import '@fontsource-variable/inter/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/reports.css';
import './styles/grid.css';
import './styles/charts.css';
import './styles/people.css';
import { render } from 'solid-js/web';
import { App } from './app';

render(() => <App />, document.getElementById('app')!);
