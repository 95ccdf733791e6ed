// Turns marked lists into ones that are searched by typing. Without it they are ordinary lists, or a search page.
//
//   <select data-autocomplete>                       its options are searched in the page
//   <input data-autocomplete-source="/x?q=" id="y">  what is typed is asked of the address, which answers
//                                                    [{"value": "123456", "text": "A school, its town"}]; the value
//                                                    goes into the input's form field, the text is what is shown;
//                                                    with data-autocomplete-free so does what was only typed, and
//                                                    choosing or pressing Enter begins the search

const enhance = window.accessibleAutocomplete;

if (enhance) {
  for (const select of document.querySelectorAll("select[data-autocomplete]")) {
    enhance.enhanceSelectElement({ selectElement: select, defaultValue: chosenText(select), showAllValues: true });
  }
  for (const input of document.querySelectorAll("input[data-autocomplete-source]")) {
    enhanceSearch(input);
  }
}

function chosenText(select) {
  return select.value ? select.options[select.selectedIndex].text : "";
}

function enhanceSearch(input) {
  const place = document.createElement("div");
  const id = input.id;
  // Where the page searches by itself too, what was typed is sent as it is.
  const free = "autocompleteFree" in input.dataset;
  let asked = 0;
  input.before(place);
  input.type = "hidden";
  input.id = `${id}-value`;
  enhance({
    element: place,
    id,
    name: "",
    minLength: 2,
    confirmOnBlur: false,
    defaultValue: input.dataset.autocompleteText || (free ? input.value : ""),
    displayMenu: "overlay",
    templates: { inputValue: (found) => (found ? found.text || "" : ""), suggestion: (found) => escaped(found.text || found) },
    tNoResults: () => "Nothing found. Try the town or the URN",
    source: async (query, show) => {
      const mine = ++asked;
      try {
        const response = await fetch(input.dataset.autocompleteSource + encodeURIComponent(query), {
          headers: { Accept: "application/json" },
        });
        const found = response.ok ? await response.json() : [];
        if (mine === asked) {
          show(found);
        }
      } catch {
        show([]);
      }
    },
    onConfirm: (found) => {
      if (found) {
        input.value = found.value;
        if (free) {
          input.form.requestSubmit();
        }
      }
    },
  });
  const shown = document.getElementById(id);
  shown.addEventListener("input", () => { input.value = free ? shown.value : ""; });
  shown.addEventListener("keydown", (event) => {
    // While its menu is open the component swallows Enter, even where no suggestion is chosen.
    if (free && event.key === "Enter") {
      event.preventDefault();
      input.form.requestSubmit();
    }
  });
}

function escaped(text) {
  const holder = document.createElement("span");
  holder.textContent = text;
  return holder.innerHTML;
}
