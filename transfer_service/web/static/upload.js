// Shows how far an upload is. The form works without it; with it, a refusal is shown without losing the page.

export function startUploads() {
  for (const form of document.querySelectorAll("form[data-upload]")) {
    form.addEventListener("submit", (event) => upload(event, form));
  }
}

function upload(event, form) {
  const place = form.querySelector("[data-upload-progress]");
  const files = [...form.querySelectorAll('input[type="file"]')].flatMap((input) => [...input.files]);
  if (!place || files.length === 0 || form.dataset.uploading) {
    if (form.dataset.uploading) {
      event.preventDefault();
    }
    return;
  }
  event.preventDefault();
  const bar = place.querySelector("progress");
  const text = place.querySelector("[data-upload-text]");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json, text/html;q=0.9");
  request.upload.addEventListener("progress", (progress) => {
    if (progress.lengthComputable) {
      const percent = Math.floor((100 * progress.loaded) / progress.total);
      bar.value = percent;
      // Told in quarters: every percent would be read out by a screen reader.
      text.textContent = percent < 100 ? `${Math.floor(percent / 25) * 25}% sent` : "Sent. Sealing and checking…";
    }
  });
  request.addEventListener("load", () => {
    delete form.dataset.uploading;
    if (request.status < 400) {
      window.location.assign(whereNext(request));
      return;
    }
    const problem = read(request);
    if (problem.sealed) {
      form.reset();
      putListAnew();
    }
    show(place, problem.detail || "The file was not accepted. Check that it is of a kind and size that this page names.");
  });
  request.addEventListener("error", () => {
    delete form.dataset.uploading;
    show(place, "The upload stopped. Check your connection and try again.");
  });
  form.dataset.uploading = "yes";
  place.hidden = false;
  bar.hidden = false;
  request.send(new FormData(form));
}

function whereNext(request) {
  try {
    return JSON.parse(request.responseText).next || window.location.href;
  } catch {
    return request.responseURL || window.location.href;
  }
}

function read(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return {};
  }
}

// Files that were sealed beside a refused one come into the list at once; where that fails, a reload shows them.
async function putListAnew() {
  const list = document.querySelector("[data-upload-list]");
  const answer = await fetch(window.location.pathname, { headers: { Accept: "text/html" } });
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-upload-list]");
  if (answer.ok && list && found) {
    list.replaceWith(found);
  }
}

function show(place, words) {
  place.querySelector("progress").hidden = true;
  const text = place.querySelector("[data-upload-text]");
  text.className = "govuk-error-message";
  text.textContent = words;
  text.tabIndex = -1;
  text.focus();
}
