//! Every file of the page but its skeleton: the path it is served at, its type, its text.

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// (path, content type, text)
pub const FILES: &[(&str, &str, &str)] = &[
    ("/page/style.css", CSS, include_str!("style.css")),
    ("/page/message.css", CSS, include_str!("message.css")),
    ("/page/input.css", CSS, include_str!("input.css")),
    ("/page/kick.css", CSS, include_str!("kick.css")),
    ("/page/side.css", CSS, include_str!("side.css")),
    ("/page/actions.js", JS, include_str!("actions.js")),
    ("/page/api.js", JS, include_str!("api.js")),
    ("/page/app.js", JS, include_str!("app.js")),
    ("/page/command.js", JS, include_str!("command.js")),
    ("/page/commands.js", JS, include_str!("commands.js")),
    ("/page/components.js", JS, include_str!("components.js")),
    ("/page/composer.js", JS, include_str!("composer.js")),
    ("/page/dom.js", JS, include_str!("dom.js")),
    ("/page/embed.js", JS, include_str!("embed.js")),
    ("/page/kick.js", JS, include_str!("kick.js")),
    ("/page/markup.js", JS, include_str!("markup.js")),
    ("/page/menu.js", JS, include_str!("menu.js")),
    ("/page/message.js", JS, include_str!("message.js")),
    ("/page/modal.js", JS, include_str!("modal.js")),
    ("/page/panel.js", JS, include_str!("panel.js")),
    ("/page/popup.js", JS, include_str!("popup.js")),
    ("/page/side.js", JS, include_str!("side.js")),
    ("/page/store.js", JS, include_str!("store.js")),
    ("/page/time.js", JS, include_str!("time.js")),
];
