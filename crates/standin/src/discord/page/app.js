// Placeholder: says that something changed.
new EventSource("/_standin/live").addEventListener("changed", (event) => console.log(event.data));
