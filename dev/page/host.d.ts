// What ComfyUI's page offers to modules, at the addresses where it serves it.
declare module "*/scripts/app.js" {
  export const app: import("@comfyorg/comfyui-frontend-types").ComfyApp
}
declare module "*/scripts/api.js" {
  type Ours = { addEventListener(event: string, hear: (event: CustomEvent) => void): void } // events of our own too
  export const api: import("@comfyorg/comfyui-frontend-types").ComfyApi & Ours
}
declare const LiteGraph: any
// What a study's cells.js says.
declare const STUDY: any
