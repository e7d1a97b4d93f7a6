// The sliders below number fields: a convenience for pointers; the Tab key passes them by.

/** Let the number field show what its slider shows; gives the field's name. */
export function followSlider(form, slider) {
  form.elements[slider.dataset.mirrors].value = slider.value;
  return slider.dataset.mirrors;
}

/** Let every slider show what its number field holds. */
export function showSliders(form) {
  for (const slider of form.querySelectorAll("[data-mirrors]")) {
    showSlider(slider, form.elements[slider.dataset.mirrors].value);
  }
}

/** Let a slider show a value. */
export function showSlider(slider, value) {
  slider.value = value;
  const range = slider.max - slider.min || 1;
  slider.style.setProperty("--at", (slider.value - slider.min) / range);
}
