"""Which pages there are, by the name of their view, and which walk must look at each: see walks.py."""

NO_PAGES = """
    authority.compliance_file authority.entries authority.policy_letter authority.recovery_receipt authority.school_file
    demo.codes
    log.checkpoint log.policy log.program log.tile public.health public.metrics public.ready
    school_lists.transfers_file school_receipts.entries school_receipts.pdf school_receipts.proof
    school_receiving.attachment school_search.suggestions static_files.static
    arriving.arrive held.newest
"""
"""Files, answers for machines, and addresses that lead on."""

PAGES = {
    "nobody": """
        arriving.waiting backup_codes.backup_code backup_codes.explain demo.alert demo.alerts demo.people
        enrolling.set_up invitations.again invitations.invitation log.frozen log.log log.verify log.yourself
        own_recovery.confirm
        own_recovery.explain public.accessibility public.cookies public.privacy resetting.forgotten
        resetting.reset resetting.sent signing_in.code signing_in.recovery_code signing_in.sign_in
    """,
    "a lead who sends": """
        arriving.choose members.end members.let_again members.member members.suspend own_account.account
        own_account.name
        own_account.password own_device.device people.invite people.people school_attaching.attachments
        school_beginning.begin school_beginning.move school_beginning.pupil school_beginning.upn
        school_calendar.calendar school_choosing.check school_choosing.school school_drafting.discard
        school_drafting.held school_drafting.move school_drafting.pupil school_drafting.school
        school_drafting.urgent school_inbox.inbox school_keys_renewal.asking school_keys_renewal.exposing
        school_keys_renewal.renewal school_notes.new_note school_notes.note school_notes.notes
        school_notes.withheld school_receipts.receipt school_receiving.contents school_returning.redirecting
        school_returning.remark school_returning.withdrawing school_sending.check school_sending.nil
        school_transfers.transfer
    """,
    "a lead who receives": """
        school_acknowledging.filing school_acknowledging.statement school_breaches.breach
        school_forwarding.forwarding school_inbox.nils school_receiving.cover school_returning.returning
    """,
    "a lead whose deputy waits": """
        held.held_form password_again.ask school_keys.compare
    """,
    "an office": """
        school_lists.transfers
    """,
    "a head teacher": """
        recovery_asking.ask
    """,
    "a Head of Service": """
        authority.alerts authority.ask_again authority.ask_clock authority.ask_closure authority.ask_custodian
        authority.ask_end
        authority.ask_name authority.ask_officer authority.ask_refusal authority.ask_term authority.audit
        authority.audit_search authority.calendar authority.compliance authority.conversion
        authority.conversions authority.hold authority.overdue authority.people authority.recovery
        authority.recovery_request authority.school
        authority.school_people authority.settings authority.story authority.transfer
    """,
    "an officer": "",
    "an administrator": """
        school_home.home
    """,
    "a lead who waits": """
        authority.approval authority.approvals authority.ask_recovery school_keys.school_key
    """,
}
"""By who walks: names with blanks between."""
