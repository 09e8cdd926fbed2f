/** Every page: where it is and how its code comes. The first screen is here at once; the others load when gone to. */
import type { PageEntry } from "./page.ts";
import { HomePage } from "./pages/home.tsx";
import { LoginPage } from "./pages/login.tsx";

/** In the order of the navigation. */
export const PAGES: readonly PageEntry[] = [
  {
    name: "home",
    pattern: "/",
    isInNavigation: true,
    isOfPeriod: true,
    load: () => Promise.resolve(() => <HomePage />),
  },
  {
    name: "login",
    pattern: "/login",
    isInNavigation: false,
    load: () => Promise.resolve(() => <LoginPage />),
  },
  {
    name: "settlements",
    pattern: "/settlements",
    isInNavigation: true,
    load: async () => {
      const { SettlementsPage } = await import("./pages/settlements.tsx");
      return () => <SettlementsPage />;
    },
  },
  {
    name: "settlement",
    pattern: "/settlements/:sequence",
    isInNavigation: false,
    load: async () => {
      const { SettlementPage } = await import("./pages/settlement.tsx");
      return (params) => <SettlementPage params={params} />;
    },
  },
  {
    name: "devices",
    pattern: "/devices",
    isInNavigation: true,
    isOfPeriod: true,
    load: async () => {
      const { DevicesPage } = await import("./pages/devices.tsx");
      return () => <DevicesPage />;
    },
  },
  {
    name: "device",
    pattern: "/devices/:device",
    isInNavigation: false,
    isOfPeriod: true,
    load: async () => {
      const { DevicePage } = await import("./pages/device.tsx");
      return (params) => <DevicePage params={params} />;
    },
  },
  {
    name: "tasks",
    pattern: "/tasks",
    isInNavigation: true,
    load: async () => {
      const { TasksPage } = await import("./pages/tasks.tsx");
      return () => <TasksPage />;
    },
  },
  {
    name: "task",
    pattern: "/tasks/:task",
    isInNavigation: false,
    load: async () => {
      const { TaskPage } = await import("./pages/task.tsx");
      return (params) => <TaskPage params={params} />;
    },
  },
  {
    name: "lanes",
    pattern: "/lanes",
    isInNavigation: true,
    load: async () => {
      const { LanesPage } = await import("./pages/lanes.tsx");
      return () => <LanesPage />;
    },
  },
  {
    name: "prices",
    pattern: "/prices",
    isInNavigation: true,
    isOfPeriod: true,
    load: async () => {
      const { PricesPage } = await import("./pages/prices.tsx");
      return () => <PricesPage />;
    },
  },
  {
    name: "alerts",
    pattern: "/alerts",
    isInNavigation: true,
    load: async () => {
      const { AlertsPage } = await import("./pages/alerts.tsx");
      return () => <AlertsPage />;
    },
  },
  {
    name: "logs",
    pattern: "/logs",
    isInNavigation: true,
    isOfGateway: true,
    load: async () => {
      const { LogsPage } = await import("./pages/logs.tsx");
      return () => <LogsPage />;
    },
  },
  {
    name: "settings",
    pattern: "/settings",
    isInNavigation: true,
    isOfGateway: true,
    load: async () => {
      const { SettingsPage } = await import("./pages/settings.tsx");
      return () => <SettingsPage />;
    },
  },
];
