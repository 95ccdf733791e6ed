from tests.browser.accessibility import axe
from tests.browser.conftest import ContextFactory

GOOD = '<!doctype html><html lang="en"><title>Notes</title><main><h1>Notes</h1><p>None yet.</p></main></html>'
BAD = '<!doctype html><html lang="en"><title>Notes</title><main><h1>Notes</h1><img src="data:,"></main></html>'
COUNTING = '<!doctype html><html lang="en"><title>before</title><script>document.title = "after"</script></html>'


def test_axe_names_the_rule_and_the_place_of_what_is_wrong(context_factory: ContextFactory):
    page = context_factory().new_page()
    page.set_content(BAD)
    found = axe(page)
    assert [violation.rule for violation in found] == ["image-alt"]
    assert found[0].where == ("img",)


def test_axe_finds_nothing_wrong_with_a_sound_page(context_factory: ContextFactory):
    page = context_factory().new_page()
    page.set_content(GOOD)
    assert axe(page) == []


def test_scripts_run_only_in_a_context_with_javascript(context_factory: ContextFactory):
    with_scripts = context_factory().new_page()
    with_scripts.set_content(COUNTING)
    without = context_factory(javascript=False).new_page()
    without.set_content(COUNTING)
    assert with_scripts.title() == "after"
    assert without.title() == "before"
