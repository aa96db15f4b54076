"""The words that speak on modality, by what they do to the act they govern.

Lists are word families where a verb and its nouns do the same, exact forms where they do not.
"""

from __future__ import annotations

from extractors.forms import forms, words

# Verbs that open a question whether something happens.
ASKING = words("is are was were will would can could may might should do does did has have had")
# Auxiliaries that leave open whether it happens.
MODALS = words("will would may might could can should must shall 'll wo ca 'd")
FUTURE = words("will shall 'll wo")
# Planning, wishing, urging, fearing, threatening, trying: what they govern has not happened yet.
WISH = forms(
    """
    plan threaten intend aim seek want wish hope fear expect consider mull weigh examine ponder propose offer urge
    demand request appeal ask press push vow promise prepare ready prevent avoid avert deter warn predict foresee
    anticipate debate suggest recommend encourage invite need require risk attempt try plot foil thwart schedule
    poise brace contemplate advocate favour favor eye pursue explore envisage envision vote discuss await support
    back endorse moot float advise pledge prefer struggle lobby pressure rehearse simulate practise imagine insist
    swear pray dare dream
    """
) | words(
    """
    intention intent proposal bid effort efforts possibility prospect prospects chance likelihood potential danger
    readiness willingness desire ability capability option options preparation preparations request threat threats
    likely unlikely set due able willing open eager keen ready poised preparing wants want ultimatum call calls
    calling blueprint roadmap scenario deadline alert worry worries worried concern concerns speculation afraid
    suspicion imminent bound certain determined reluctant free authority permission goal ambition quest push drive
    need needs law bill strategy
    """
)
# Denying, refusing, calling off: what they govern did not or will not happen.
DENIAL = forms(
    """
    deny reject refuse dismiss decline cancel veto ban forbid rebuff spurn refute disavow disown abandon scrap
    shelve nix oppose prohibit abort
    """
) | words(
    """
    ruled rules ruling refusal halt halts halted stop stops stopped suspend suspends suspended block blocks blocked
    blocking
    """
)
RULE_OUT = forms("rule")
# Doing and telling: what they govern is as real as they are themselves.
DONE = forms(
    """
    begin start continue resume manage proceed help decide agree approve authorize authorise order keep go finish
    complete conclude use confirm report say claim announce state tell admit acknowledge reveal show conduct carry
    hold launch make stage perform mount undertake commit suffer see face endure witness unleash step intensify
    increase expand accelerate ramp escalate sign reach receive get deliver
    """
)
# Reacting and resisting: what they govern happened, whatever their own tense.
FACTIVE = forms(
    """
    condemn denounce criticise criticize protest mourn hail praise deplore decry slam blast welcome regret survive
    escape blame investigate probe study respond react retaliate cause trigger spark prompt detect observe monitor
    track confirm watch commend applaud celebrate justify defend violate breach break resist evade skirt dodge
    withstand weather circumvent
    """
)
# Looking back.
MEMORY_VERBS = forms("commemorate remember mark recall honour honor")
TRIAL = forms("convict sentence jail acquit indict sue prosecute extradite")
# Verbs by which an event itself takes place.
EVENTIVE = forms(
    """
    occur happen begin start continue resume proceed take last end follow ensue erupt open kick be come go intensify
    """
)
# Adjectives of what is still to come or failed.
HEDGES = words(
    """
    planned possible potential future upcoming proposed imminent expected looming hypothetical threatened feared
    would-be impending eventual likely scheduled attempted foiled thwarted failed averted prospective further
    additional next intended forthcoming conceivable prepared unapproved draft plotted
    """
)
# Of these, the ones that also stand with real acts.
SOFT_HEDGES = words("further additional next failed prepared expected")
OLD = words(
    """
    past previous earlier former historic historical old longtime long-standing longstanding existing standing
    decades-old pre-war
    """
)
CONDITIONS = words("if unless whether should until once before lest provided till")
# Of these, the ones that take a finished act for granted: "until they withdrew".
UP_TO = words("until once before till")
# "looks at cutting": no more than considered.
LOOK = words("look looks looked looking")
# "was not affected by the attack": there was one.
TOUCH = words("affected deterred harmed damaged hurt intimidated cowed fazed shaken spared swayed involved")
FACT_MARKS = words("after since because as while when although though")
# Prepositions that take their object for granted.
FACT_PREPS = words(
    """
    after following amid amidst despite over since during because in through throughout by within upon under via
    """
)
# Of these, the ones that assert it.
FIRM_PREPS = words("after following during in by")
CAUSE = forms("prompt force cause lead compel")
DECIDE = forms("vote agree approve authorize authorise decide pledge promise announce order choose") | words(
    "decision deal agreement"
)
COMMAND = forms("order direct instruct authorize authorise command task")
# "take part in", "speak at": as real as the verb.
JOIN = forms("revert resort take participate engage join attend speak meet go come head travel involve")
# "condemned for", "in retaliation for": the reason happened.
REASON = forms(
    """
    blame condemn criticize criticise accuse retaliate revenge punish apologize apologise thank praise arrest
    convict retaliation denounce fault slam blast hail sanction rebuke claim credit account compensate sue reprisal
    jail charge responsibility reprimand congratulate
    """
) | words(
    """
    responsible responsibility retaliation revenge punishment evidence famous sorry guilty known in response
    """
)
# "path to peace": still to come.
ROADS = words(
    """
    return way path road invitation opening commitment route step steps move close closer open ready prelude threat
    """
)
MOVES = forms(
    """
    return go move head push bring press pressure force coax drag draw steer nudge invite look slide edge close turn
    commit
    """
)
TALK = words(
    """
    talks negotiations discussions debate consultations decision vote agreement meeting summit
    """
)
# What is announced is still to come: "announces a visit"; an announced strike or launch is news of one.
ANNOUNCE = forms("announce schedule")
DATED = words("visit visits trip trips summit talks meeting meetings exercise exercises drill drills manoeuvres")
# Before it, or without it.
AHEAD = words("before until till ahead pending without barring instead unless")
# "a wave of strikes": the strikes are the event.
CONTAINERS = forms(
    """
    series wave round spate string number lot kind type form barrage act case part result day week night hour
    campaign flurry salvo dozen hundred thousand majority report claim account evidence news video image footage
    wake face light midst announcement confirmation scale pace course end beginning start resumption continuation
    spike surge rise set package batch shipment delivery supply tranche test launch
    """
)
ATTRIBUTION = forms(
    """
    say report claim announce confirm tell state note add reveal allege accuse believe think suspect show
    """
)
FUTURE_TIMES = words("tomorrow soon shortly")
LONG_AGO = words("months month years year decades decade century centuries")
