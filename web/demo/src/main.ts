import { createApp } from 'vue';
import App from './App.vue';
import '../../shared/theme.css';
import './demo.css';

createApp(App).mount('#app');
